// What is wider than its place can be scrolled by keyboard too; what fits is no stop on the way of the Tab key.

const WIDE = ".prose pre, .prose table, .prose .formula, pre.command, .scroll-x";

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (!target.isConnected) sizes.unobserve(target);
    else if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function look() {
  for (const element of document.querySelectorAll(WIDE)) sizes.observe(element);
}

new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true }); // each task comes anew
look();
