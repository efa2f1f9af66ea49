/* Menu on phones, dialogs, popovers, copied links, strips that start at the event. */
document.addEventListener("click", e => {
  const open = e.target.closest("[data-open]")
  if (open) document.getElementById(open.dataset.open)?.showModal()
  const app = document.querySelector(".app")
  if (e.target.closest("[data-nav-toggle]")) {
    app.toggleAttribute("data-nav")
    e.target.closest("[data-nav-toggle]").setAttribute("aria-expanded", app.hasAttribute("data-nav"))
  } else if (app && !e.target.closest(".side")) app.removeAttribute("data-nav")
  const shut = e.target.closest("[data-close]")
  if (shut) {
    const dialog = shut.closest("dialog")
    if (dialog?.open) { e.preventDefault(); dialog.close() }
  }
  if (e.target.matches("dialog[data-dismiss]")) e.target.close()
  const copy = e.target.closest("[data-copy]")
  if (copy) {
    const text = copy.dataset.copy || location.href
    navigator.clipboard?.writeText(text).then(() => {
      const before = copy.getAttribute("aria-label")
      copy.setAttribute("aria-label", "Copied"); copy.dataset.copied = ""
      setTimeout(() => { if (before) copy.setAttribute("aria-label", before); delete copy.dataset.copied }, 1500)
    })
  }
})

/* a popover opens under the button that opened it */
document.addEventListener("toggle", e => {
  if (e.newState !== "open" || !e.target.classList.contains("pop")) return
  const at = document.querySelector(`[popovertarget="${e.target.id}"]:is(:focus, :active)`) ?? document.querySelector(`[popovertarget="${e.target.id}"]`)
  if (!at) return
  const box = at.getBoundingClientRect(), wide = e.target.offsetWidth, high = e.target.offsetHeight
  e.target.style.left = `${Math.max(8, Math.min(box.left, innerWidth - wide - 8))}px`
  const below = box.bottom + 6
  e.target.style.top = `${below + high > innerHeight && box.top > high + 8 ? box.top - high - 6 : below}px`
}, true)

/* wide strips start centred on the point that matters */
const centre = within => within.querySelectorAll("[data-centre]").forEach(e => {
  e.scrollLeft = e.scrollWidth * e.dataset.centre / 100 - e.clientWidth / 2
})
centre(document)
document.addEventListener("htmx:afterSwap", e => centre(e.target))

document.querySelectorAll("dialog[data-autoopen]").forEach(d => {
  d.removeAttribute("open")
  d.showModal()
  d.addEventListener("close", () => { if (d.dataset.back) location.assign(d.dataset.back) })
})

/* a form that was sent can't be sent twice by a second click */
document.addEventListener("submit", e => {
  const form = e.target
  if (e.defaultPrevented || form.method !== "post") return
  if (form.dataset.sent) { e.preventDefault(); return }
  form.dataset.sent = "1"
  setTimeout(() => { delete form.dataset.sent }, 4000)
})
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(f => { delete f.dataset.sent }))

/* results of my own action leave after six seconds; errors are never toasts */
document.querySelectorAll(".toast").forEach(t => setTimeout(() => t.remove(), 6000))
