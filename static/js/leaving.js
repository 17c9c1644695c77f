// Every page: a question before a link leads away from here.

function askBeforeLeaving(link) {
  const dialog = document.getElementById("leaving");
  dialog.querySelector("[data-leaving-address]").textContent = link.href;
  dialog.querySelector("[data-leaving-go]").href = link.href;
  dialog.showModal();
}

function clicked(event) {
  const link = event.target.closest(".prose a[href]");
  if (link) {
    event.preventDefault();
    askBeforeLeaving(link);
  } else if (event.target.closest("#leaving [data-leaving-go], #leaving [data-leaving-stay]")) {
    document.getElementById("leaving").close();
  }
}

document.addEventListener("click", clicked);
document.addEventListener("auxclick", (event) => { if (event.button === 1) clicked(event); }); // the middle button opens links too
