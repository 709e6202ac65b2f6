/**
 * The environment of a process that we start: where programs are found, whom it trusts besides the usual authorities,
 * what it is told, and nothing else of ours.
 */
export function childEnvironment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, NODE_EXTRA_CA_CERTS } = process.env;
  return { PATH, ...(NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS }), ...variables };
}
