/** INTEGER of PostgreSQL. */
export const MAX_USER_ID = 2_147_483_647;

/** Names of users and keys: something to see, no control characters. */
export const NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,200}$/u;
export const NAME_RULE = {
  message: 'must be 1 to 200 characters, not only blanks, without line breaks and control characters',
};
