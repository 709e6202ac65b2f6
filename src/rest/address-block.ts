import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Whom an address stands for: a whole /64 of IPv6 is one, since one customer gets at least that much. */
export function addressBlock(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
