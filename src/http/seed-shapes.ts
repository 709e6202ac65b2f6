import { STORAGE_ERROR_CODES } from '../storage-providers/storage-errors.js';
import type { Problem } from '../rest/problem.dto.js';

/**
 * Members that clients written for the two seed documents read in an error: the settings API answers
 * {success, message, error, details}, the implementation guide answers a phrase. They come on top of the problem.
 */
export function seedMembers(method: string, path: string, problem: Problem): object | undefined {
  if (path.startsWith('/api/v1/settings/')) {
    return {
      success: false,
      message: settingsMessage(method, path),
      error: problem.title,
      details: problem.detail,
    };
  }
  if (path.startsWith('/api/cloud/')) {
    const phrase = guidePhrase(path, problem);
    return { message: phrase, error: phrase };
  }
  return undefined;
}

function settingsMessage(method: string, path: string): string {
  if (path.endsWith('/test')) return 'Connection failed';
  return method === 'GET' || method === 'HEAD' ? 'Settings not available' : 'Settings not changed';
}

function guidePhrase(path: string, problem: Problem): string {
  const isProviderFailure = (STORAGE_ERROR_CODES as readonly string[]).includes(problem.code);
  if (path === '/api/cloud/upload' && (isProviderFailure || problem.status === 500)) return 'Upload failed';
  if (path === '/api/cloud/configure' && problem.status === 500) return 'Failed to save configuration';
  return problem.title;
}
