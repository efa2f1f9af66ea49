/* Passkeys: sign in, add a key, and the signing ceremony. The server makes every challenge and checks every answer. */
const bytes = s => Uint8Array.from(atob(s.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0))
const text = b => btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")

const forGet = o => ({ ...o, challenge: bytes(o.challenge), allowCredentials: (o.allowCredentials ?? []).map(c => ({ ...c, id: bytes(c.id) })) })
const forCreate = o => ({ ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: (o.excludeCredentials ?? []).map(c => ({ ...c, id: bytes(c.id) })) })

function answer(c) {
  const r = c.response, out = { id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment ?? null, clientExtensionResults: c.getClientExtensionResults(), response: { clientDataJSON: text(r.clientDataJSON) } }
  if (r.attestationObject) { out.response.attestationObject = text(r.attestationObject); out.response.transports = r.getTransports?.() ?? [] }
  if (r.authenticatorData) { out.response.authenticatorData = text(r.authenticatorData); out.response.signature = text(r.signature); if (r.userHandle) out.response.userHandle = text(r.userHandle) }
  return out
}

function why(error) {
  switch (error.name) {
    case "NotAllowedError": return "The passkey was not used: it was cancelled, or it took too long. Nothing was signed. Start again, or use your password."
    case "InvalidStateError": return "This device already has a passkey of yours. Use it, or add one on another device."
    case "SecurityError": return "This address cannot use passkeys. Open Vouchsafe by its own name over https, or on localhost."
    default: return `The passkey could not be used (${error.message || error.name}). Start again, or use your password.`
  }
}

function say(form, message) {
  const box = form.querySelector("[data-problem]")
  if (!box) return
  box.hidden = !message
  box.querySelector("p").textContent = message ?? ""
  if (message) box.scrollIntoView({ block: "nearest" })
}

async function run(form, kind) {
  say(form, "")
  if (!window.PublicKeyCredential) { say(form, "This browser has no passkeys. Use your password, or a current browser."); return }
  try {
    let options
    if (form.dataset.begin) {
      const begun = await fetch(form.dataset.begin, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } })
      const told = (begun.headers.get("content-type") ?? "").includes("json") ? await begun.json() : {}
      if (!begun.ok) { say(form, told.says ?? "The server did not begin the ceremony. Reload the page and try again."); return }
      options = told.options
      if (told.ceremony && form.elements.ceremony) form.elements.ceremony.value = told.ceremony
      if (told.seen !== undefined && form.elements.seen) form.elements.seen.value = told.seen
      const digest = form.querySelector("[data-statement]")
      if (digest && told.statement_sha256) digest.textContent = told.statement_sha256
    } else options = JSON.parse(form.querySelector("script[type='application/json']").textContent)
    options = options.publicKey ?? options
    const made = kind === "create" ? await navigator.credentials.create({ publicKey: forCreate(options) }) : await navigator.credentials.get({ publicKey: forGet(options) })
    form.elements.assertion.value = JSON.stringify(answer(made))
    if (form.elements.password) form.elements.password.value = ""
    form.submit()
  } catch (error) { say(form, why(error)) }
}

document.addEventListener("click", e => {
  const button = e.target.closest("button[data-passkey]")
  if (!button) return
  e.preventDefault()
  const form = button.form ?? button.closest("form")
  for (const need of form.querySelectorAll("[required]:not([data-password])")) if (!need.reportValidity()) return
  button.disabled = true
  run(form, button.dataset.passkey).finally(() => { button.disabled = false })
})
