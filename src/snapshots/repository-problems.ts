import { BUCKET_PROBLEMS as STORAGE_PROBLEMS } from '../files/upload-docs.js';

/** What whoever reaches into the bucket may be answered. */
export const BUCKET_PROBLEMS = [
  'validation_failed',
  'cloud_not_configured',
  'sealed',
  'credentials_unreadable',
  ...STORAGE_PROBLEMS,
] as const;

/** What whoever looks into a snapshot may be answered. */
export const REPOSITORY_PROBLEMS = [
  ...BUCKET_PROBLEMS,
  'not_found',
  'path_not_found',
  'damaged_repository',
  'unsafe_repository',
  'repository_not_found',
] as const;
