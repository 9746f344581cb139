// What a person opened stays open while fragments replace what is around it; a queued message closes when it is saved.
const KEPT = { DETAILS: ["open", "data-folded"], BUTTON: ["aria-pressed"] };

htmx.registerExtension("keep-open", {
  htmx_before_morph_attr: (element, { attrName }) => !KEPT[element.tagName]?.includes(attrName),
});

document.addEventListener("htmx:after:request", ({ target, detail }) => {
  if (detail.ctx.response.status < 300) target.closest?.(".chip")?.removeAttribute("open");
});

document.documentElement.classList.add("scripted");
