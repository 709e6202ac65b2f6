import { CloudFile } from './cloud-file.entity.js';
import { BucketEpoch } from './epoch/bucket-epoch.entity.js';
import { SweptConfig } from './epoch/swept-config.entity.js';
import { FileVersion } from './file-version.entity.js';
import { RetentionState } from './retention/retention-state.entity.js';
import { ShareDownload } from './shares/share-download.entity.js';
import { ShareLink } from './shares/share-link.entity.js';
import { SweepRun } from './sweeps/sweep-run.entity.js';
import { SweepSighting } from './sweeps/sweep-sighting.entity.js';
import { UploadPart } from './upload-part.entity.js';
import { Upload } from './upload.entity.js';

export const filesEntities = [
  CloudFile,
  FileVersion,
  Upload,
  UploadPart,
  BucketEpoch,
  SweptConfig,
  SweepRun,
  SweepSighting,
  RetentionState,
  ShareLink,
  ShareDownload,
];
