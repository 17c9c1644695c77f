// How this browser's reader wants pages to look, put on the page before anything of it is painted. Set in reading.js.
(() => {
  const WANTED = { theme: /^(light|dark)$/, size: /^[1-5]$/, keys: /^off$/ };
  for (const [name, allowed] of Object.entries(WANTED)) {
    let kept = null;
    try { kept = localStorage.getItem(`reading.${name}`); } catch { return; } // storage is switched off: nothing was kept
    if (allowed.test(kept)) document.documentElement.dataset[name] = kept;
  }
})();
