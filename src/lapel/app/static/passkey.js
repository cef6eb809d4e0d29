// How does a browser show or make a passkey? Forms with data-passkey="use" or "make"; the server asks, the device answers.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function send(address, form, more = {}) {
  const body = new URLSearchParams({ ...Object.fromEntries(new FormData(form)), ...more });
  const answer = await fetch(address, { method: "POST", body, headers: { accept: "application/json" } });
  const said = await answer.json();
  if (!answer.ok) throw new Error([said.detail, said.next_step].filter(Boolean).join(" "));
  return said;
}

async function used(asked) {
  const allowed = (asked.allowCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const key = await navigator.credentials.get({
    publicKey: { ...asked, challenge: bytes(asked.challenge), allowCredentials: allowed },
  });
  return shown(key, {
    authenticatorData: text(key.response.authenticatorData),
    signature: text(key.response.signature),
    userHandle: key.response.userHandle ? text(key.response.userHandle) : null,
  });
}

async function made(asked) {
  const there = (asked.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const key = await navigator.credentials.create({
    publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: there,
    },
  });
  return shown(key, {
    attestationObject: text(key.response.attestationObject),
    transports: key.response.getTransports?.() ?? [],
  });
}

function shown(key, response) {
  return JSON.stringify({
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    response: { clientDataJSON: text(key.response.clientDataJSON), ...response },
    clientExtensionResults: key.getClientExtensionResults(),
  });
}

function why(error) {
  if (error.name === "NotAllowedError") return "The device was not asked, took too long, or said no. Nothing was done.";
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  return error.message;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  const says = form.querySelector("[role=status]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    says.textContent = "Waiting for your device …";
    try {
      const asked = await send(`${form.getAttribute("action")}/options`, form);
      const credential = form.dataset.passkey === "make" ? await made(asked) : await used(asked);
      const said = await send(form.getAttribute("action"), form, { credential });
      location.assign(said.next);
      if (said.next === location.pathname) location.reload();
    } catch (error) {
      says.textContent = why(error);
      button.disabled = false;
    }
  });
}
