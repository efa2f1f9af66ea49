/* Drafts that save themselves, rows that can be added and removed, fields that depend on a choice, chosen files. */
const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })

document.querySelectorAll("form[data-autosave]").forEach(form => {
  const says = form.querySelector("[data-saved]")
  let timer = 0, running = false, again = false
  const say = (text, bad) => { if (says) { says.textContent = text; says.classList.toggle("text-red", Boolean(bad)) } }
  async function save() {
    if (running) { again = true; return }
    running = true
    try {
      const typed = new FormData(form)
      for (const [name, value] of [...typed.entries()]) if (value instanceof File) typed.delete(name) /* files go with the act itself */
      const answer = await fetch(form.dataset.autosave, { method: "POST", body: typed, headers: { "X-Requested-With": "draft" } })
      const told = (answer.headers.get("content-type") ?? "").includes("json") ? await answer.json() : {}
      if (answer.ok) say(told.says ?? `Draft saved ${clock()}`)
      else say(told.says ?? "The draft is not saved. Your text is still in this page.", true)
    } catch { say("No connection. Your text is still in this page; it is saved when the connection is back.", true); again = true }
    running = false
    if (again) { again = false; timer = setTimeout(save, 5000) }
  }
  const soon = () => { clearTimeout(timer); say("Not saved yet"); timer = setTimeout(save, 900) }
  form.addEventListener("input", soon)
  form.addEventListener("rows", soon)
  form.addEventListener("submit", () => clearTimeout(timer))
})

document.addEventListener("click", e => {
  const add = e.target.closest("[data-add-row]")
  if (add) {
    const set = add.closest("[data-rows]"), made = set.querySelector("template").content.cloneNode(true)
    const at = Number(set.dataset.next)
    set.dataset.next = at + 1
    made.querySelectorAll("[name], [id], [for], [aria-describedby]").forEach(n => {
      for (const a of ["name", "id", "for", "aria-describedby"]) if (n.hasAttribute(a)) n.setAttribute(a, n.getAttribute(a).replaceAll("__n__", at))
    })
    set.querySelector("[data-list]").append(made)
    set.querySelector("[data-list] > :last-child :is(input:not([type=hidden]), textarea, select)")?.focus()
    set.dispatchEvent(new Event("rows", { bubbles: true }))
  }
  const drop = e.target.closest("[data-drop-row]")
  if (drop) {
    const set = drop.closest("[data-rows]")
    drop.closest("[data-row]").remove()
    set.dispatchEvent(new Event("rows", { bubbles: true }))
    set.querySelector("[data-add-row]")?.focus()
  }
})

/* the name of a chosen file stands on the drop field; a file can be dropped on it */
document.querySelectorAll("label[data-drop]").forEach(label => {
  const input = label.querySelector("input[type=file]"), says = label.querySelector("[data-chosen]")
  const show = () => {
    const f = input.files[0]
    if (says) says.textContent = f ? `${f.name}, ${Math.max(1, Math.round(f.size / 1024)).toLocaleString("en").replaceAll(",", "\u2009")} kB` : ""
  }
  input.addEventListener("change", show)
  for (const kind of ["dragover", "dragleave", "drop"]) label.addEventListener(kind, e => {
    e.preventDefault()
    label.toggleAttribute("data-over", kind === "dragover")
    if (kind === "drop" && e.dataTransfer.files.length) { input.files = e.dataTransfer.files; show() }
  })
})
