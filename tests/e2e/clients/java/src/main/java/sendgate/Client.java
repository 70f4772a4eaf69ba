package sendgate;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** A client on grpc-java; see ../README.md in tests/e2e/clients for what it is told and what it prints. */
public final class Client {
  private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  private final Map<String, ManagedChannel> channels = new HashMap<>();
  private final Map<Integer, ClientCall<?, ?>> calls = new ConcurrentHashMap<>();
  private final Set<Integer> stops = ConcurrentHashMap.newKeySet();

  public static void main(String[] arguments) throws IOException {
    Client client = new Client();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      client.take(JsonParser.parseString(line).getAsJsonObject());
    }
    client.channels.values().forEach(ManagedChannel::shutdownNow);
    System.exit(0);
  }

  /** Begins to carry out an order. */
  private void take(JsonObject order) {
    if (order.get("do").getAsString().equals("stop")) {
      int number = order.get("of").getAsInt();
      stops.add(number);
      if (calls.containsKey(number)) {
        calls.get(number).cancel("told to stop", null);
      }
      return;
    }
    JsonObject wanted = order.getAsJsonObject("channel");
    ManagedChannel channel = channels.computeIfAbsent(wanted.toString(), ignored -> connect(wanted));
    Methods.Known method = Methods.find(order.get("method").getAsString());
    Message request = method.request(order.get("request"));
    if (order.get("do").getAsString().equals("loop")) {
      Thread looping = new Thread(() -> loop(order, channel, method, request));
      looping.setDaemon(true);
      looping.start();
    } else {
      call(order, channel, method, request);
    }
  }

  private static ManagedChannel connect(JsonObject wanted) {
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilder(wanted.get("target").getAsString(), InsecureChannelCredentials.create());
    if (wanted.has("service_config")) {
      Map<?, ?> config = new Gson().fromJson(wanted.get("service_config").getAsString(), Map.class);
      @SuppressWarnings("unchecked")
      Map<String, ?> named = (Map<String, ?>) config;
      builder.defaultServiceConfig(named);
    }
    if (wanted.has("keepalive_s")) {
      builder
          .keepAliveTime(millis(wanted.get("keepalive_s")), TimeUnit.MILLISECONDS)
          .keepAliveTimeout(millis(wanted.get("keepalive_timeout_s")), TimeUnit.MILLISECONDS)
          .keepAliveWithoutCalls(true);
    }
    return builder.build();
  }

  private static long millis(JsonElement seconds) {
    return (long) (seconds.getAsDouble() * 1000);
  }

  private static CallOptions options(JsonObject order) {
    CallOptions options =
        CallOptions.DEFAULT.withWaitForReady().withDeadlineAfter(millis(order.get("timeout_s")), TimeUnit.MILLISECONDS);
    return order.getAsJsonObject("channel").has("gzip") ? options.withCompression("gzip") : options;
  }

  private static Metadata metadata(JsonObject order) {
    Metadata entries = new Metadata();
    JsonElement given = order.has("metadata") ? order.get("metadata") : new JsonArray();
    for (JsonElement each : given.getAsJsonArray()) {
      String name = each.getAsJsonArray().get(0).getAsString();
      String value = each.getAsJsonArray().get(1).getAsString();
      if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        entries.put(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER), Base64.getDecoder().decode(value));
      } else {
        entries.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
      }
    }
    return entries;
  }

  /** Makes a call whose responses are told as they come: one of an ordinary method, many of a stream. */
  private void call(JsonObject order, ManagedChannel channel, Methods.Known method, Message request) {
    ClientCall<Message, Message> call = channel.newCall(method.descriptor(), options(order));
    calls.put(order.get("id").getAsInt(), call);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(Message response) {
            tellResponse(order, response);
            call.request(1);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            tellEnd(order, status, trailers, 1);
          }
        },
        metadata(order));
    call.request(2);
    call.sendMessage(request);
    call.halfClose();
  }

  private void loop(JsonObject order, ManagedChannel channel, Methods.Known method, Message request) {
    int count = 0;
    try {
      for (boolean last = false; !last; ) {
        TimeUnit.MILLISECONDS.sleep(5);
        last = stops.contains(order.get("id").getAsInt());
        Message response = ClientCalls.blockingUnaryCall(channel, method.descriptor(), options(order), request);
        if (++count == 1) {
          tellResponse(order, response);
        }
      }
      tellEnd(order, Status.OK, new Metadata(), count);
    } catch (StatusRuntimeException error) {
      tellEnd(order, error.getStatus(), error.getTrailers(), count);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private static void tellResponse(JsonObject order, Message response) {
    JsonObject answer = new JsonObject();
    answer.add("response", Methods.written(response));
    tell(order, answer);
  }

  private static void tellEnd(JsonObject order, Status status, Metadata trailers, int count) {
    JsonObject answer = new JsonObject();
    answer.addProperty("code", status.getCode().name());
    answer.addProperty("message", status.getDescription() == null ? "" : status.getDescription());
    answer.addProperty("calls", count);
    com.google.rpc.Status details = StatusProto.fromStatusAndTrailers(status, trailers);
    if (details != null && details.getDetailsCount() > 0) {
      answer.add("status", Methods.written(details));
    }
    tell(order, answer);
  }

  private static void tell(JsonObject order, JsonObject answer) {
    answer.add("id", order.get("id"));
    synchronized (OUT) {
      OUT.print(answer + "\n");
      OUT.flush();
    }
  }
}
