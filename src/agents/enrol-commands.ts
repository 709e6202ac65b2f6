/** Of URLs of servers, which need no quotes in any shell; anything else is not put into a command. */
const PLAIN_URL = /^https?:\/\/[\w.:[\]/~-]+$/;

/**
 * What somebody pastes into a shell of the host. The token goes through a pipe: arguments can be seen by every user of
 * the machine.
 */
export function enrolCommands(serverUrl: string, token: string): string[] {
  const url = PLAIN_URL.test(serverUrl) ? serverUrl : 'https://YOUR-SERVER';
  return [
    `printf %s '${token}' | stowage-agent enrol --server ${url} --token-file -`,
    'stowage-agent install',
  ];
}
