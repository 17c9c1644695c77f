// The texts that scripts show, in the language of the page. They are written in annotation/templatetags/words.py.

let texts;

/** `words("text_size", { step: 3 })`. A key that is not there, or a gap left unfilled, is a mistake and throws. */
export function words(key, values = {}) {
  texts ??= JSON.parse(document.getElementById("words").textContent);
  if (!Object.hasOwn(texts, key)) throw new Error(`There are no words for "${key}".`);
  return texts[key].replace(/%\((\w+)\)s/g, (_, name) => {
    if (!Object.hasOwn(values, name)) throw new Error(`The words for "${key}" lack "${name}".`);
    return String(values[name]);
  });
}
