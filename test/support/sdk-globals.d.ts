/** The SDK is written for browsers and Node alike; Node's types lack this one name of the fetch standard. */
type BodyInit = NonNullable<RequestInit['body']>;
