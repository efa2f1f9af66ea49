/* Runs before the page is painted, so that a chosen theme never flashes. Paper is always light. */
"use strict";
(() => {
  const root = document.documentElement
  const saved = () => { try { return localStorage.getItem("theme") } catch { return null } }
  const apply = () => { const t = saved(); if (t) root.dataset.theme = t; else delete root.dataset.theme }
  const dark = () => root.dataset.theme ? root.dataset.theme === "vouchsafe-dark" : matchMedia("(prefers-color-scheme: dark)").matches
  apply()
  root.classList.add("js")
  document.addEventListener("click", e => {
    if (!e.target.closest("[data-theme-toggle]")) return
    root.dataset.theme = dark() ? "vouchsafe" : "vouchsafe-dark"
    try { localStorage.setItem("theme", root.dataset.theme) } catch { /* private mode: the choice lasts for this page */ }
  })
  addEventListener("beforeprint", () => { root.dataset.theme = "vouchsafe" })
  addEventListener("afterprint", apply)
})()
