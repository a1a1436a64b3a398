
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const provider = document.documentElement.dataset.provider;
  const query = new URLSearchParams(location.search);
  let session = null; // Who the cookies stand for: {name}.
  let pending = null; // What is being decided: {code, token}.

  const TROUBLE = {
    access_denied: "Signing in was refused.",
    csrf_token_mismatch: "This page is out of date. Load it again.",
    device_code_already_approved: "Somebody has approved this code already.",
    device_code_expired: "This code is over. Begin again on the device.",
    device_code_not_found: "No device waits under this code. Codes hold for ten minutes; compare it with the device.",
    identity_provider_unavailable: "The identity provider cannot be used now. Try again, or use an API token.",
    idp_binding_not_found: "There is no identity provider here. Use an API token.",
    sign_in_invalid: "This sign-in is over, or was begun in another browser. Begin again.",
  };

  function say(text) {
    at("message").textContent = text;
    at("message").hidden = !text;
  }

  function show(id, title) {
    for (const part of ["find", "decide", "done"]) at(part).hidden = part !== id;
    at("title").textContent = title;
  }

  function csrf() {
    const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith("plexsphere_csrf="));
    return pair ? pair.slice("plexsphere_csrf=".length) : "";
  }

  function normal(code) {
    const plain = code.toUpperCase().replace(/[\s-]/g, "");
    return /^[A-Z2-7]{8}$/.test(plain) ? plain.slice(0, 4) + "-" + plain.slice(4) : "";
  }

  // By token without cookies, else by cookies. What is thrown is a text for the person.
  async function call(method, path, body, token) {
    const headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (token) headers.Authorization = "Bearer " + token;
    else if (method !== "GET") headers["X-Plexsphere-CSRF"] = csrf();
    let answer;
    try {
      answer = await fetch(path, {
        method, headers, body: body ? JSON.stringify(body) : undefined,
        // Setting out to sign in sets a cookie, so only a token leaves them away.
        credentials: token ? "omit" : "same-origin", cache: "no-store", redirect: "error",
      });
    } catch {
      throw "The server does not answer. Try again.";
    }
    const text = await answer.text();
    let json = {};
    try { json = text ? JSON.parse(text) : {}; } catch { /* not from our server */ }
    if (answer.ok) return json;
    if (answer.status === 401) {
      if (!token) forget();
      throw token ? "This is no valid API token." : "Your session is over. Sign in again.";
    }
    if (answer.status === 429) {
      throw "Too many tries. Wait " + (answer.headers.get("Retry-After") || "60") + " seconds.";
    }
    const known = Object.hasOwn(TROUBLE, json.code || "") ? TROUBLE[json.code] : json.detail || "Something went wrong.";
    throw known + (answer.status >= 500 && json.correlation_id ? " (" + json.correlation_id + ")" : "");
  }

  // Runs one step at a time, and says what went wrong.
  async function step(work) {
    const buttons = [...document.querySelectorAll("button")];
    if (buttons.some((button) => button.disabled)) return;
    say("");
    for (const button of buttons) button.disabled = true;
    try { await work(); } catch (trouble) {
      say(typeof trouble === "string" ? trouble : "Something went wrong on this page. Load it again.");
    } finally { for (const button of buttons) button.disabled = false; }
  }

  function nameOf(me) {
    return me.email || (me.principal_type === "service" ? "service " : "user ") + me.subject;
  }

  function forget() {
    session = null;
    arrange();
  }

  function arrange() {
    at("signed-in").hidden = !session;
    at("who").textContent = session ? session.name : "";
    at("sign-in-area").hidden = Boolean(session) || !provider;
    at("provider").textContent = provider;
    at("token-area").hidden = Boolean(session);
    at("token-area").open = !provider || at("token-area").open;
    offer();
  }

  // Going on is offered to who can: before that, signing in is the one thing to do.
  function offer() {
    at("continue").hidden = !session && !at("token-area").open;
  }

  async function look() {
    const code = normal(at("code").value);
    if (!code) {
      at("code").focus();
      throw "A code has eight of the letters A to Z and the digits 2 to 7.";
    }
    const token = session ? "" : at("token").value.trim();
    if (!session && !token) {
      if (!provider) at("token").focus();
      throw provider ? "Sign in first, or give an API token." : "Give an API token.";
    }
    const found = await call("GET", "/v1/auth/device/pending?user_code=" + encodeURIComponent(code), null, token);
    const me = await call("GET", "/v1/auth/whoami", null, token);
    pending = { code, token };
    at("shown-code").textContent = found.user_code;
    at("as").textContent = nameOf(me);
    at("from").textContent = found.client_ip || "an unknown address";
    at("at").textContent = new Date(found.created_at).toLocaleString();
    at("program").textContent = found.user_agent || "unknown";
    show("decide", "Log in this device?");
    at("title").focus();
  }

  async function decide(decision) {
    const { code, token } = pending;
    try {
      await call("POST", "/v1/auth/device/approve", { user_code: code, decision }, token);
    } catch (trouble) {
      show("find", "Log in a device");
      throw trouble;
    } finally {
      pending = null;
    }
    at("token").value = "";
    at("outcome").textContent = decision === "approve"
      ? "The device is logged in. It goes on by itself within a few seconds."
      : "The device was refused.";
    show("done", decision === "approve" ? "Approved" : "Denied");
    at("title").focus();
  }

  async function signIn() {
    const code = normal(at("code").value);
    const return_to = "/v1/auth/device" + (code ? "?user_code=" + code : "");
    const way = await call("POST", "/v1/auth/sign-in", { return_to });
    location.assign(way.authorization_url);
  }

  async function signOut() {
    await call("POST", "/v1/auth/logout");
    forget();
  }

  async function begin() {
    const kind = query.get("auth_error_kind");
    at("code").value = normal(query.get("user_code") || "");
    if (kind) history.replaceState(null, "", location.pathname);
    if (csrf()) {
      try { session = { name: nameOf(await call("GET", "/v1/auth/whoami")) }; } catch { session = null; }
    }
    arrange();
    show("find", "Log in a device");
    if (kind) throw Object.hasOwn(TROUBLE, kind) ? TROUBLE[kind] : "Signing in failed. Try again.";
    if (session && at("code").value) await look();
    else (at("code").value ? at("token") : at("code")).focus();
  }

  at("find").addEventListener("submit", (event) => {
    event.preventDefault();
    step(look);
  });
  at("token-area").addEventListener("toggle", offer);
  at("sign-in").addEventListener("click", () => step(signIn));
  at("sign-out").addEventListener("click", () => step(signOut));
  at("approve").addEventListener("click", () => step(() => decide("approve")));
  at("deny").addEventListener("click", () => step(() => decide("deny")));
  at("back").addEventListener("click", () => {
    pending = null;
    say("");
    show("find", "Log in a device");
    at("code").focus();
  });
  step(begin);
})();
