import { AgentError } from '../agent-error.js';

/** Proxies that the environment names, as curl and others read it; a password may be in them. */
export interface Proxies {
  readonly http?: URL;
  readonly https?: URL;
  /** Hosts that are reached without: names with everything below them, with `:port` or without, or `*`. */
  readonly except: readonly string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Of `https_proxy`, `http_proxy` and `no_proxy`, in small letters or capitals. Throws `usage`. */
export function readProxies(variables: Variables): Proxies {
  const read = (name: string) => (variables[name] ?? variables[name.toUpperCase()] ?? '').trim();
  return {
    ...proxy('http', read('http_proxy')),
    ...proxy('https', read('https_proxy')),
    except: read('no_proxy')
      .split(/[\s,]+/)
      .filter((host) => host !== ''),
  };
}

/** Through which a server is reached; `undefined`: without. This machine is always reached without. */
export function proxyFor(url: URL, { http, https, except }: Proxies): URL | undefined {
  if (isLoopback(url.hostname) || except.some((pattern) => covers(pattern, url))) return undefined;
  return url.protocol === 'https:' ? https : http;
}

/** Without its password, for people. */
export function proxyName({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function proxy(scheme: 'http' | 'https', text: string): Pick<Proxies, 'http' | 'https'> {
  if (text === '') return {};
  const address = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return { [scheme]: url };
  // A password may be in it: it is not repeated.
  throw new AgentError(
    'usage',
    `${scheme}_proxy is no address of a proxy; it looks like http://proxy.example:3128.`,
  );
}

function covers(pattern: string, { protocol, hostname, port }: URL): boolean {
  if (pattern === '*') return true;
  const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(pattern.toLowerCase())!;
  const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  if (only !== undefined && only !== actual) return false;
  const domain = name.replace(/^\*?\./, '');
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
