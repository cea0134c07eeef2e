/* What asking a server takes: its refusals, a limit to waiting, and how long to pause before asking again. */

const LONGEST_PAUSE_S = 30;

export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(`${status} ${problem.fault || ''}`);
    this.status = status;
    this.fault = problem.fault || '';
    this.field = problem.field || '';
    this.retryAfter = retryAfter;
  }
}

/* Ends a request when its owner stops or it takes too long. (AbortSignal.any and .timeout are younger than the
 * telephones people carry.) */
export class Cut {
  constructor(owner, ms) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.abort = () => controller.abort();
    this.owner = owner;
    if (owner) {
      if (owner.aborted) controller.abort();
      owner.addEventListener('abort', this.abort);
    }
    this.within(ms);
  }
  within(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.abort, ms);
  }
  done() {
    clearTimeout(this.timer);
    if (this.owner) this.owner.removeEventListener('abort', this.abort);
  }
}

/* Full jitter: after an outage not everybody comes back in the same second. */
export function backoff(failures) {
  return 0.5 + Math.random() * Math.min(LONGEST_PAUSE_S, 2 ** failures);
}

/* What the token says; its signature is the server's business. */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split('.')[0].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return {};
  }
}

export function visitorOf(token) {
  return claimsOf(token).v || '';
}

export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? '-' : '') + byte.toString(16).padStart(2, '0')).join('');
}
