// Fetches the parts of a page that take longer, moves the slider, and refreshes while a command works. Everything works without
// it, but for the slider: parts have addresses of their own, and tables are sorted by the server.
"use strict";

async function fill(place, address) {
  place.dataset.asked = address;
  place.setAttribute("aria-busy", "true");
  let text;
  try {
    text = await (await fetch(address)).text();  // an error is a page part, too
  } catch {
    text = "<p>The program that showed this page has ended: start <code>make inspect</code> again.</p>";
  }
  if (place.dataset.asked !== address) return;  // another was asked for meanwhile
  place.innerHTML = text;  // our own program's, in which everything of models is escaped; the policy lets no script in
  place.setAttribute("aria-busy", "false");
}

function slide(slider) {
  const range = slider.querySelector("input"), value = slider.querySelector("output");
  const places = JSON.parse(slider.dataset.places), kept = document.getElementById("kept");
  let wait;
  range.addEventListener("input", () => {
    const at = places[range.value], words = new URLSearchParams({ filter: slider.dataset.filter, direction: slider.dataset.direction, at });
    value.textContent = String(Number(at.toPrecision(6)));
    range.setAttribute("aria-valuetext", value.textContent);
    clearTimeout(wait);
    wait = setTimeout(() => fill(kept, `/part/threshold?${words}`), 120);
  });
}

function refresh(box) {
  box.checked = sessionStorage.getItem("refreshes") !== "no";
  box.addEventListener("change", () => sessionStorage.setItem("refreshes", box.checked ? "yes" : "no"));
  setInterval(() => {
    const typing = ["INPUT", "SELECT"].includes(document.activeElement?.tagName) && document.activeElement !== box;
    const busy = document.querySelector("[aria-busy=true]");  // what is asked for comes first
    if (box.checked && !typing && !busy && !document.hidden && !String(getSelection())) location.reload();
  }, 10000);
}

document.querySelectorAll("[data-load]").forEach((place) => fill(place, place.dataset.load));
document.querySelectorAll(".slider").forEach(slide);
document.getElementById("refresh").addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
if (document.getElementById("refreshes")) refresh(document.getElementById("refreshes"));
