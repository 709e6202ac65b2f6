export const SESSION_COOKIE = 'stowage_session';
export const SESSION_SECONDS = 12 * 60 * 60;

/**
 * The Set-Cookie value that opens a session: out of reach of scripts, not sent along from other sites.
 * @param publicUrl where the server is reached: by TLS, then the cookie is sent over TLS only
 */
export function sessionCookie(key: string, publicUrl: string): string {
  return cookie(key, SESSION_SECONDS, publicUrl);
}

/** The Set-Cookie value that makes a browser forget its session. */
export function endedSessionCookie(publicUrl: string): string {
  return cookie('', 0, publicUrl);
}

function cookie(value: string, maxAgeSeconds: number, publicUrl: string): string {
  const secure = publicUrl.startsWith('https://') ? '; Secure' : '';
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`;
  return `${SESSION_COOKIE}=${value}; ${attributes}`;
}
