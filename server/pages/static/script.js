// Everything works without this. It shows times in the reader's own form, lets "Send again" sleep for its half minute,
// and lets the page that waits for a mail go on by itself.
(function () {
  "use strict";

  document.querySelectorAll("time[datetime]").forEach(function (time) {
    var at = new Date(time.dateTime);
    if (!isNaN(at)) time.title = at.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  });

  document.querySelectorAll("button[data-after]").forEach(function (button) {
    var words = button.textContent;
    var wake = Date.now() + Number(button.dataset.after) * 1000;
    (function tick() {
      var left = Math.ceil((wake - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? words + " in " + left + " s" : words;
      if (left > 0) setTimeout(tick, 1000);
    })();
  });

  var waiting = document.querySelector("[data-wait]");
  if (!waiting) return;
  var end = Date.now() + Number(waiting.dataset.minutes) * 60000;
  var asking = false;

  // Only a path of our own is followed: "//host" and "/\host" are not.
  function ours(path) {
    return typeof path === "string" && /^\/(?![\/\\])/.test(path);
  }

  function ask() {
    if (asking || document.hidden || Date.now() > end) return;
    asking = true;
    fetch(waiting.dataset.wait, { headers: { Accept: "application/json" }, cache: "no-store" })
      .then(function (answer) { return answer.ok ? answer.json() : {}; })
      .then(function (state) {
        if (state.signed_in && !document.hidden && ours(state.continue)) location.replace(state.continue);
      })
      .catch(function () {}) // the network went away; the next try tells
      .finally(function () { asking = false; });
  }

  setInterval(ask, 2000);
  document.addEventListener("visibilitychange", ask);
})();
