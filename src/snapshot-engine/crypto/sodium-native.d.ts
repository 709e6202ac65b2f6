/** The part of sodium-native 5 that is used; the package ships no types. Wrong sizes throw. */
declare module 'sodium-native' {
  const sodium: {
    /** Poly1305: writes 16 bytes to `out`; `key` is r || s, 32 bytes, for one message only. */
    crypto_onetimeauth(out: Uint8Array, input: Uint8Array, key: Uint8Array): void;
    /** Compares in constant time. */
    crypto_onetimeauth_verify(tag: Uint8Array, input: Uint8Array, key: Uint8Array): boolean;
  };
  export default sodium;
}
