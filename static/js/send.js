// Sends a form by script and says in one word what came of it. Nothing here throws, and nothing is lost.

/** The token of now: it is renewed when somebody signs in again in another tab. */
export function contentOf(form) {
  const content = new FormData(form);
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token) content.set("csrfmiddlewaretoken", token);
  return content;
}

/**
 * `came`: "done" (whoever asks looks whether it is what was asked for: the sign-in page of a network answers so too),
 * "refused" (a sentence of the server's in `html`), "signed-out", or "away" (no server, or a broken one: it may have
 * arrived all the same, so the same key goes again).
 */
export async function post(form, { url, ...options } = {}) {
  const body = new URLSearchParams(contentOf(form));
  return ask(url ?? form.getAttribute("action"), { method: "POST", body, ...options });
}

/** `isEnough`: whether an answer's head says all that is waited for; its page then comes `later`. */
export async function ask(url, { headers = {}, isEnough = () => false, ...options } = {}) {
  try {
    const response = await fetch(url, { ...options, headers: { ...headers, "HX-Request": "true" } });
    const signIn = response.headers.get("HX-Redirect");
    if (response.ok && isEnough(response.headers)) return { came: "done", later: response.text().catch(() => "") };
    const html = await response.text();
    return { came: cameOf(response, signIn), status: response.status, html, signIn, headers: response.headers };
  } catch (error) {
    return { came: error.name === "AbortError" ? "stopped" : "away", status: 0, html: "", signIn: null, headers: new Headers() };
  }
}

function cameOf(response, signIn) {
  if (signIn) return "signed-out";
  if (response.ok) return "done";
  return response.status < 500 ? "refused" : "away";
}

/** The first element of a piece of a page. */
export function parsed(html, selector) {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
  return found && document.adoptNode(found);
}
