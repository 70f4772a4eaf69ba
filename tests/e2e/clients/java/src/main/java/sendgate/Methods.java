package sendgate;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorDetailsProto;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.ProtoUtils;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import sendgate.v1.ContactServiceGrpc;
import sendgate.v1.SendGateServiceGrpc;

/** The generated methods by their paths, and messages as JSON. */
final class Methods {
  private static final Map<String, MethodDescriptor<?, ?>> KNOWN = new HashMap<>();
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer()
          .preservingProtoFieldNames()
          .usingTypeRegistry(
              JsonFormat.TypeRegistry.newBuilder()
                  .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
                  .build());

  static {
    List<ServiceDescriptor> services =
        List.of(
            SendGateServiceGrpc.getServiceDescriptor(),
            ContactServiceGrpc.getServiceDescriptor(),
            HealthGrpc.getServiceDescriptor());
    services.forEach(service -> service.getMethods().forEach(each -> KNOWN.put(each.getFullMethodName(), each)));
  }

  private Methods() {}

  /** A method whatever its messages are. */
  record Known(MethodDescriptor<Message, Message> descriptor) {
    Message request(JsonElement text) {
      Message.Builder request = prototype().newBuilderForType();
      try {
        if (text != null) {
          JsonFormat.parser().merge(text.toString(), request);
        }
      } catch (InvalidProtocolBufferException error) {
        throw new IllegalArgumentException(error);
      }
      return request.build();
    }

    private Message prototype() {
      var marshaller = (MethodDescriptor.PrototypeMarshaller<Message>) descriptor.getRequestMarshaller();
      return marshaller.getMessagePrototype();
    }
  }

  /** Finds the stub's method, or makes one that the contract does not have. */
  @SuppressWarnings("unchecked")
  static Known find(String path) {
    String name = path.substring(1);
    MethodDescriptor<?, ?> known = KNOWN.get(name);
    return new Known((MethodDescriptor<Message, Message>) (known == null ? unknown(name) : known));
  }

  private static MethodDescriptor<?, ?> unknown(String name) {
    return MethodDescriptor.<Empty, Empty>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .setRequestMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
        .build();
  }

  static JsonElement written(Message message) {
    try {
      return JsonParser.parseString(PRINTER.print(message));
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalArgumentException(error);
    }
  }
}
