// Error shapes of the Node.js runtime.

/** An error of the runtime itself, with the stack of the user's error where there is one. */
export function named(name, message, cause) {
  const error = new Error(String(message));
  error.name = name;
  if (cause?.stack) error.stack = cause.stack;
  return error;
}

function field(error, name, otherwise) {
  // A getter of the user's may throw; the report must not.
  try {
    const value = error[name];
    return value === undefined ? otherwise : String(value);
  } catch {
    return otherwise;
  }
}

/** What is sent to the Runtime API, for anything that can be thrown. */
export function describe(error) {
  if (error === null || typeof error !== "object") {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  if (!(error instanceof Error) && !("message" in error)) {
    return { errorType: "object", errorMessage: JSON.stringify(error) ?? "", trace: [] };
  }
  const stack = field(error, "stack", "");
  return {
    errorType: field(error, "name", "Error").replace(/\x7F/g, "%7F"),
    errorMessage: field(error, "message", ""),
    trace: stack ? stack.split("\n") : [],
  };
}
