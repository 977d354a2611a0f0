/* Lets OpenSSL take fresh randomness from the kernel, in a Node.js that was restored from a
 * snapshot: its generators' state was copied. Both interfaces are stable: Node-API 1, OpenSSL 3.
 * They are declared here, since a machine may have a compiler and no headers. */

#include <stdbool.h>
#include <stddef.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
extern int napi_get_boolean(napi_env, bool, napi_value *);

typedef struct evp_rand_ctx_st EVP_RAND_CTX;
extern EVP_RAND_CTX *RAND_get0_primary(void *);
extern EVP_RAND_CTX *RAND_get0_public(void *);
extern EVP_RAND_CTX *RAND_get0_private(void *);
extern int EVP_RAND_reseed(EVP_RAND_CTX *, int, const unsigned char *, size_t, const unsigned char *, size_t);

/* The primary one draws from the kernel; the other two, and those of other threads, draw from it
 * as soon as they see that it was reseeded. */
static napi_value reseed(napi_env env, napi_callback_info info) {
    napi_value answer = NULL;
    bool done = EVP_RAND_reseed(RAND_get0_primary(NULL), 1, NULL, 0, NULL, 0) == 1
        && EVP_RAND_reseed(RAND_get0_public(NULL), 1, NULL, 0, NULL, 0) == 1
        && EVP_RAND_reseed(RAND_get0_private(NULL), 1, NULL, 0, NULL, 0) == 1;
    (void)info;
    napi_get_boolean(env, done, &answer);
    return answer;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    napi_value function = NULL;
    if (napi_create_function(env, "reseed", (size_t)-1, reseed, NULL, &function) == 0)
        napi_set_named_property(env, exports, "reseed", function);
    return exports;
}
