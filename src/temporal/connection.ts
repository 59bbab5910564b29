import {
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Interceptor>;

/** gRPC's code for a call that its caller gave up: not tried again. */
const CANCELLED = 1;

/**
 * A call that waits for its next attempt when its connection is closed ends as cancelled. Without this the attempt throws where nobody can catch
 * it, and ends the process: when somebody leaves a command, say, while the server is away.
 */
const endWithConnection: Interceptor = (options, nextCall) => {
  try {
    return nextCall(options) as Call;
  } catch (error) {
    const { message } = error as Error;
    const ended: Pick<Call, 'start' | 'sendMessage' | 'halfClose' | 'cancelWithStatus'> = {
      start(metadata, listener) {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: CANCELLED, details: message, metadata });
      },
      sendMessage() {},
      halfClose() {},
      cancelWithStatus() {},
    };
    return ended as Call;
  }
};

/** What a connection of `openConnection` has of its own, for connections that are made otherwise. */
export const connectionInterceptors: Interceptor[] = [
  makeGrpcRetryInterceptor(defaultGrpcRetryOptions()),
  endWithConnection,
];

/** Connect to a Temporal server: every connection of clients is made here. It can be closed while calls are under way: they end as cancelled. */
export const openConnection = (options: ConnectionOptions): Promise<Connection> =>
  Connection.connect({ ...options, interceptors: connectionInterceptors });
