import { describeKillsDuringUploads } from './kills-during-uploads.js';

describeKillsDuringUploads({ local_disk: 2, s3_compatible: 2 });
