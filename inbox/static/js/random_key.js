// A name nobody else chooses, by which the same thing sent twice stays one. crypto.randomUUID is there only over HTTPS.

export function randomKey(bytes = 16) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
