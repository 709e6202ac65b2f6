import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Where an operator lets storage calls go besides public addresses. */
export interface AllowedEndpoints {
  /** The operator named this host (and port, where the entry has one). */
  allowsHost(hostname: string, port: number): boolean;
  /** The operator named this host with any port: its name may resolve to private addresses. */
  allowsSomePortOf(hostname: string): boolean;
  /** The operator named ranges, so that any name may turn out to be allowed once it is resolved. */
  readonly hasRanges: boolean;
  /** The operator named a range that holds this address. */
  allowsAddress(address: string): boolean;
}

/**
 * Reads entries like `minio.lan`, `minio.lan:9000`, `*.minio.lan` (what lies below: buckets in host names),
 * `10.0.0.7`, `[fd00::7]:9000` and `10.0.0.0/8`.
 * Throws a RangeError that names the first entry it cannot read.
 */
export function parseAllowedEndpoints(entries: readonly string[]): AllowedEndpoints {
  const ranges: [Address, number][] = [];
  const hosts: NamedHost[] = [];
  for (const entry of entries) {
    if (ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry));
    else hosts.push(parseHost(entry));
  }
  const names = (hostname: string) => hosts.filter((host) => isNamedBy(host, normalizeHost(hostname)));
  return {
    allowsHost: (hostname, port) =>
      names(hostname).some((host) => host.port === undefined || host.port === port) ||
      inRanges(ranges, hostname),
    allowsSomePortOf: (hostname) => names(hostname).length > 0,
    hasRanges: ranges.length > 0,
    allowsAddress: (address) => inRanges(ranges, address),
  };
}

/**
 * Whether the whole Internet may be expected at this address. Everything that is not plain global unicast is no:
 * loopback, private, link-local, shared (CGNAT), documentation, multicast, and all IPv6 forms that carry an IPv4
 * address (mapped, NAT64, 6to4, Teredo), because a translator may turn them into a private one.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined || isMetadataAddress(address)) return false;
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST_V6);
}

/** Services of cloud hosts that hand out credentials; refused even inside an allowed range. */
export function isMetadataAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  const plain =
    parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
  return METADATA_ADDRESSES.has(plain.toString());
}

/** Lower case, without brackets and without the root dot. */
export function normalizeHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  '169.254.169.254', // AWS, GCP, Azure, DigitalOcean, OpenStack
  '169.254.170.2', // AWS container credentials
  '169.254.170.23', // AWS pod identity
  'fd00:ec2::254', // AWS over IPv6
  'fd00:ec2::23',
  'fd20:ce::254', // GCP over IPv6
  '100.100.100.200', // Alibaba
  '192.0.0.192', // Oracle
  '168.63.129.16', // Azure's wire server, a public address
]);

/** IANA has given out global IPv6 addresses from 2000::/3 only. */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3');

/** Only canonical spellings: what `getaddrinfo` and URL parsers answer. */
function parseAddress(address: string): Address | undefined {
  const plain = normalizeHost(address);
  if (plain.includes('%')) return undefined;
  return ipaddr.IPv4.isValidFourPartDecimal(plain) || ipaddr.IPv6.isValid(plain)
    ? ipaddr.parse(plain)
    : undefined;
}

function inRanges(ranges: readonly [Address, number][], address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
}

interface NamedHost {
  readonly hostname: string;
  readonly below: boolean;
  readonly port: number | undefined;
}

function isNamedBy({ hostname, below }: NamedHost, candidate: string): boolean {
  return below ? candidate.endsWith(`.${hostname}`) : candidate === hostname;
}

function parseHost(entry: string): NamedHost {
  const below = entry.startsWith('*.');
  const host = below ? entry.slice(2) : entry;
  const isBareIpv6 = ipaddr.IPv6.isValid(host);
  const url = URL.parse(`https://${isBareIpv6 ? `[${host}]` : host}/`);
  if (url?.pathname !== '/' || host.trim() !== host || /[/?#@\\*]/.test(host)) {
    throw new RangeError(`"${entry}" is not a host, host:port or address range like 10.0.0.0/8`);
  }
  const port = /:(\d+)$/.exec(isBareIpv6 ? '' : host)?.[1];
  return {
    hostname: normalizeHost(url.hostname),
    below,
    port: port === undefined ? undefined : Number(port),
  };
}
