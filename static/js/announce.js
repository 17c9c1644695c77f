// A sentence for those who listen to the page instead of looking at it.

export function announce(sentence) {
  const region = document.getElementById("announce");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = sentence; });
}
