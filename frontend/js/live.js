/* htmx without eval and without inline styles (strict content security policy). Old content stays, dimmed after 200 ms. */
if (window.htmx) {
  Object.assign(htmx.config, { allowEval: false, includeIndicatorStyles: false, selfRequestsOnly: true, historyCacheSize: 0, timeout: 10000, scrollIntoViewOnBoost: false })
  document.addEventListener("htmx:configRequest", e => {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value
    if (token && e.detail.verb !== "get") e.detail.headers["X-CSRFToken"] = token
    /* empty filters stay out of the address */
    if (e.detail.verb === "get") for (const [k, v] of [...e.detail.formData.entries()]) if (v === "") e.detail.formData.delete(k)
  })
  document.addEventListener("htmx:beforeRequest", e => {
    const t = e.detail.target
    t.dataset.timer = setTimeout(() => { t.dataset.busy = "" }, 200)
  })
  document.addEventListener("htmx:afterRequest", e => {
    const t = e.detail.target
    clearTimeout(t.dataset.timer); delete t.dataset.timer; delete t.dataset.busy
  })
  /* signed out meanwhile, or the server is away: load the page itself, which says so */
  document.addEventListener("htmx:responseError", e => { if ([401, 403].includes(e.detail.xhr.status)) location.reload() })
}

/* clocks count down each minute; a change of class is announced, a change of minute is not */
const words = s => {
  const late = s < 0, a = Math.abs(s), d = Math.floor(a / 86400), h = Math.floor(a % 86400 / 3600), m = Math.floor(a % 3600 / 60)
  const t = d >= 14 ? `${d} d` : d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : `${m} min`
  return late ? `${t} late` : t
}
const tick = () => document.querySelectorAll("[data-until]").forEach(e => {
  const left = (Date.parse(e.dataset.until) - Date.now()) / 1000
  const text = words(left)
  if (e.textContent !== text) e.textContent = text
})
setInterval(tick, 60000)
