// The one place at the foot of the desk where it says what is missing or what went wrong.

import { parsed } from "./send.js";
import { words } from "./words.js";

export class Notice {
  constructor(desk, { take }) {
    this.desk = desk;
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
    else this.box.replaceChildren((came === "refused" && parsed(html, ".notice")) || this.unreached(words("away")));
  }

  /** A sentence that goes away once the server takes something again. */
  unreached(sentence) {
    const notice = this.say(sentence);
    notice.dataset.unreached = "";
    return notice;
  }

  reached() {
    this.box.querySelector("[data-unreached]")?.remove();
  }

  signedOut(signIn) {
    const notice = this.unreached(`${words("signed_out")} `);
    const link = document.createElement("a");
    link.href = `${signIn.split("?")[0]}?next=${encodeURIComponent(this.signInAt)}`;
    Object.assign(link, { target: "_blank", textContent: words("sign_in_again") });
    // Whoever comes back from there presses Enter to send, and not to open it again.
    link.addEventListener("click", () => (this.desk.querySelector(".answer.is-current") ?? this.desk).focus({ preventScroll: true }));
    notice.append(link);
  }
}
