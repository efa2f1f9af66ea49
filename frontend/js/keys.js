/* Keys: J and K move the cursor in a table, Enter opens, / filters, Ctrl K searches, G then a letter goes. */
const typing = e => e.target.matches("input, textarea, select, [contenteditable]") || e.ctrlKey || e.metaKey || e.altKey
const palette = document.getElementById("palette")
let gone = 0

const rows = () => [...document.querySelectorAll("table[data-keys] tbody tr")].filter(r => r.querySelector("a[href]"))
function move(step) {
  const all = rows()
  if (!all.length) return
  const at = all.findIndex(r => "cursor" in r.dataset)
  all[at]?.removeAttribute("data-cursor")
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))]
  next.dataset.cursor = ""
  next.scrollIntoView({ block: "nearest" })
  next.querySelector("a[href]").focus({ preventScroll: true })
}

document.addEventListener("keydown", e => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
    e.preventDefault()
    if (palette && !palette.open && !document.querySelector("dialog:modal")) palette.showModal()
    return
  }
  if (typing(e) || document.querySelector("dialog:modal")) return
  if (Date.now() - gone < 1200) {
    const to = document.querySelector(`a[data-go="${CSS.escape(e.key.toLowerCase())}"]`)
    gone = 0
    if (to) { e.preventDefault(); to.click(); return }
  }
  switch (e.key) {
    case "j": case "k": e.preventDefault(); move(e.key === "j" ? 1 : -1); break
    case "Enter": {
      if (e.target.closest("a, button, summary")) return
      document.querySelector("tr[data-cursor] a[href]")?.click(); break
    }
    case "/": {
      const filter = document.querySelector("[data-filter]")
      if (filter) { e.preventDefault(); filter.focus(); filter.select() }
      break
    }
    case "g": gone = Date.now(); break
    case "c": { const add = document.querySelector("a[data-new]"); if (add) { e.preventDefault(); add.click() } break }
  }
})

/* ---- the palette: the first result is preselected, arrows move, Enter opens ---- */
if (palette) {
  const found = palette.querySelector("#found"), input = palette.querySelector("input"), address = input.form.action
  let asked = 0, shown = "", timer = 0, open = false
  const links = () => [...found.querySelectorAll("a[href]")]
  const mark = at => links().forEach((a, i) => {
    a.toggleAttribute("data-on", i === at)
    a.setAttribute("aria-selected", i === at)
    if (i === at) { a.scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", a.id) }
  })
  const chosen = () => links().find(a => a.hasAttribute("data-on")) ?? links()[0]
  async function ask() {
    const mine = ++asked, text = input.value
    const answer = await fetch(`${address}?q=${encodeURIComponent(text)}`, { headers: { "HX-Request": "true" } }).catch(() => null)
    if (mine !== asked || !answer?.ok) return /* a later question is on its way, or the server is away: what is shown stays */
    found.innerHTML = await answer.text()
    shown = text
    mark(0)
    if (open) { open = false; chosen()?.click() }
  }
  input.addEventListener("input", () => { open = false; clearTimeout(timer); timer = setTimeout(ask, 120) })
  input.addEventListener("keydown", e => {
    const all = links(), at = all.findIndex(a => a.hasAttribute("data-on"))
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault()
      mark(Math.max(0, Math.min(all.length - 1, at + (e.key === "ArrowDown" ? 1 : -1))))
    } else if (e.key === "Enter") {
      e.preventDefault()
      /* never open what belongs to an earlier word: wait for the answer to this one */
      if (input.value === shown) chosen()?.click()
      else open = true
    }
  })
  mark(0)
}
