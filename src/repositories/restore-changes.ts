/** NOTIFY channel on which the id of a restore is told whenever its row has changed. */
export const RESTORE_CHANGES_CHANNEL = 'restore_changes';
