import { describeKillsDuringUploads } from '../support/kills-during-uploads.js';

/** 50 servers. */
describeKillsDuringUploads({ local_disk: 13, s3_compatible: 12 });
