import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { proxyFor, type Proxies } from './proxies.js';

export interface OutgoingOptions {
  /** To one server. */
  readonly connections: number;
  readonly keepAliveMs: number;
  readonly connectMs: number;
  readonly headersMs?: number;
  readonly bodyMs?: number;
}

/** Kept-alive connections of a host to whomever it talks to, through the proxy that is meant for each of them. */
export class Outgoing {
  readonly #proxies: Proxies;
  readonly #options: Agent.Options;
  readonly #connectMs: number;
  readonly #direct: Agent;
  readonly #proxied = new Map<string, ProxyAgent>();

  constructor(proxies: Proxies, { connections, keepAliveMs, connectMs, headersMs, bodyMs }: OutgoingOptions) {
    this.#proxies = proxies;
    this.#connectMs = connectMs;
    this.#options = {
      connections,
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      connect: { timeout: connectMs },
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
    };
    this.#direct = new Agent(this.#options);
  }

  /** One request to the origin of `url`. */
  request(url: URL, options: Omit<Dispatcher.RequestOptions, 'origin'>): Promise<Dispatcher.ResponseData> {
    return this.#dispatcherFor(url).request({ ...options, origin: url.origin });
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxied.values()].map((dispatcher) => dispatcher.destroy()));
  }

  #dispatcherFor(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#proxies);
    if (proxy === undefined) return this.#direct;
    const known = this.#proxied.get(proxy.href);
    if (known !== undefined) return known;
    // Always by CONNECT: a proxy sees where to, and of https nothing else.
    const proxied = new ProxyAgent({
      ...this.#options,
      uri: proxy.href,
      proxyTls: { timeout: this.#connectMs },
    });
    this.#proxied.set(proxy.href, proxied);
    return proxied;
  }
}
