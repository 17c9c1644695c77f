// The one place at the foot of the desk where it says what is missing or what went wrong.

import { parsed } from "./send.js";
import { words } from "./words.js";

export class Notice {
  constructor(desk, { take }) {
    this.box = desk.querySelector("#desk-notice");
    this.signInAt = desk.dataset.address;
    this.box.addEventListener("click", (event) => {
      if (!event.target.closest("[data-take-next]")) return;
      event.preventDefault();
      take();
    });
  }

  /** A sentence that goes away with the next choice. */
  say(sentence, { tone = "error" } = {}) {
    const notice = document.createElement("div");
    notice.className = `notice notice--${tone}`;
    notice.setAttribute("role", "alert");
    notice.dataset.passing = "";
    notice.textContent = sentence;
    this.box.replaceChildren(notice);
    return notice;
  }

  clear() {
    this.box.querySelector("[data-passing]")?.remove();
  }

  /** Why the server did not take it. What was chosen stays. */
  answer({ came, html, signIn }) {
    if (came === "signed-out") this.signedOut(signIn);
    else this.box.replaceChildren((came === "refused" && parsed(html, ".notice")) || this.say(words("away")));
  }

  signedOut(signIn) {
    const notice = this.say(`${words("signed_out")} `);
    const link = document.createElement("a");
    link.href = `${signIn.split("?")[0]}?next=${encodeURIComponent(this.signInAt)}`;
    Object.assign(link, { target: "_blank", textContent: words("sign_in_again") });
    notice.append(link);
  }
}
