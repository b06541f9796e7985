// Sums between the processes that mpirun or srun started, as an addon of its own: it is built where mpicc is, and opened only by a process
// that has others beside it, so that the package itself needs no MPI.
//   open()                 -> { rank, size }, once a process
//   sum(data)              data[i] = sum over the processes of their data[i], float32 or float64, in place; a promise
//   gather(bytes)          -> the bytes of every process in order of rank, all of one length; a promise
//   broadcast(bytes, from) bytes of process `from`, in place; a promise
// One call at a time. Each waits on a thread of its own, so that signals are still heard while another process is late; when that process
// is gone, the promise never settles, and the caller stops by the signal that mpirun sends. Errors of MPI reject.
#include <mpi.h>
#include <napi.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace {

std::string text_of(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return {text, static_cast<size_t>(length)};
}

/// A call that waits for other processes, and the promise of its end. The array stays alive until then.
Napi::Value submit(Napi::Env env, Napi::Object keep, std::function<int()> call,
                   std::function<Napi::Value(Napi::Env)> result) {
  struct Work {
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference keep;
    Napi::ThreadSafeFunction settle;
    std::function<Napi::Value(Napi::Env)> result;
    int code = MPI_SUCCESS;
  };
  auto* work = new Work{Napi::Promise::Deferred::New(env), Napi::Persistent(keep), {}, std::move(result)};
  work->settle = Napi::ThreadSafeFunction::New(env, Napi::Function(), "striate mpi", 1, 1);
  const Napi::Value promise = work->deferred.Promise();
  std::thread([work, call = std::move(call)] {
    work->code = call();
    Napi::ThreadSafeFunction settle = work->settle;
    settle.BlockingCall(work, [](Napi::Env env, Napi::Function, Work* done) {
      if (done->code == MPI_SUCCESS)
        done->deferred.Resolve(done->result(env));
      else
        done->deferred.Reject(Napi::Error::New(env, text_of(done->code)).Value());
      delete done;
    });
    settle.Release();
  }).detach();
  return promise;
}

Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int initialised = 0, provided = 0;
  MPI_Initialized(&initialised);
  if (!initialised) {
    const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    if (code != MPI_SUCCESS) throw Napi::Error::New(env, text_of(code));
    if (provided < MPI_THREAD_SERIALIZED) throw Napi::Error::New(env, "this MPI takes no calls from threads");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  Napi::Object group = Napi::Object::New(env);
  group["rank"] = rank;
  group["size"] = size;
  return group;
}

Napi::Value sum(const Napi::CallbackInfo& info) {
  auto array = info[0].As<Napi::TypedArray>();
  char* data = static_cast<char*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  const size_t count = array.ElementLength();
  const bool wide = array.TypedArrayType() == napi_float64_array;
  return submit(
      info.Env(), array,
      [=] {
        // A count is an int in MPI's calls.
        constexpr size_t most = size_t(1) << 28;
        for (size_t at = 0; at < count; at += most) {
          const int part = static_cast<int>(std::min(most, count - at));
          const int code = MPI_Allreduce(MPI_IN_PLACE, data + at * (wide ? 8 : 4), part, wide ? MPI_DOUBLE : MPI_FLOAT,
                                         MPI_SUM, MPI_COMM_WORLD);
          if (code != MPI_SUCCESS) return code;
        }
        return MPI_SUCCESS;
      },
      undefined);
}

Napi::Value gather(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto bytes = info[0].As<Napi::Uint8Array>();
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const size_t each = bytes.ByteLength();
  auto all = Napi::Uint8Array::New(env, each * size);
  const uint8_t* own = bytes.Data();
  uint8_t* to = all.Data();
  Napi::Object keep = Napi::Object::New(env);
  keep["own"] = bytes;
  keep["all"] = all;
  auto held = std::make_shared<Napi::ObjectReference>(Napi::Persistent(keep));
  return submit(
      env, keep,
      [=] {
        const int count = static_cast<int>(each);
        return MPI_Allgather(own, count, MPI_BYTE, to, count, MPI_BYTE, MPI_COMM_WORLD);
      },
      [held](Napi::Env) { return held->Value().Get("all"); });
}

Napi::Value broadcast(const Napi::CallbackInfo& info) {
  auto bytes = info[0].As<Napi::Uint8Array>();
  const int from = info[1].As<Napi::Number>().Int32Value();
  uint8_t* data = bytes.Data();
  const size_t count = bytes.ByteLength();
  return submit(
      info.Env(), bytes,
      [=] {
        constexpr size_t most = size_t(1) << 30;
        for (size_t at = 0; at < count; at += most) {
          const int part = static_cast<int>(std::min(most, count - at));
          const int code = MPI_Bcast(data + at, part, MPI_BYTE, from, MPI_COMM_WORLD);
          if (code != MPI_SUCCESS) return code;
        }
        return MPI_SUCCESS;
      },
      undefined);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  MPI_Finalize();
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["open"] = Napi::Function::New(env, open);
  exports["sum"] = Napi::Function::New(env, sum);
  exports["gather"] = Napi::Function::New(env, gather);
  exports["broadcast"] = Napi::Function::New(env, broadcast);
  exports["close"] = Napi::Function::New(env, close);
  return exports;
}

}  // namespace

NODE_API_MODULE(striate_mpi, init)
