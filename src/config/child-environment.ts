/** The environment of a process that we start: where programs are found, what it is told, and nothing else of ours. */
export function childEnvironment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, ...variables };
}
