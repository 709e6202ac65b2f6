import { describeKillsDuringUploads } from './kills-during-uploads.js';

describeKillsDuringUploads({ local_disk: 1, s3_compatible: 1 });
