// Makes the workflow bundle in the file that is named: in a process of its own, whose memory is nobody's figure.
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';

await workflowBundle({ file: process.argv[2] });
