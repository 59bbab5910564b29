import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

/** Run one try of an activity as a worker does, without a server. */
export async function asActivity<In, Out>(activity: (input: In) => Promise<Out>, input: In): Promise<Out> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => {}) });
  return await environment.run(activity, input);
}
