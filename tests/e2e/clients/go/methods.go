package main

import (
	"context"
	"log"

	"google.golang.org/grpc"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "sendgate.test/client/sendgate/v1"
)

type unary func(ctx context.Context, request []byte, options ...grpc.CallOption) (proto.Message, error)

// reading lets a stub's method take its request as JSON.
func reading[Q any, P interface {
	*Q
	proto.Message
}, A proto.Message](call func(context.Context, P, ...grpc.CallOption) (A, error)) unary {
	return func(ctx context.Context, text []byte, options ...grpc.CallOption) (proto.Message, error) {
		request := P(new(Q))
		read(text, request)
		return call(ctx, request, options...)
	}
}

func read(text []byte, request proto.Message) {
	if err := protojson.Unmarshal(text, request); err != nil {
		log.Fatal(err)
	}
}

// method finds the stub's method, or makes one that the contract does not have.
func method(connection *grpc.ClientConn, path string) unary {
	gate := pb.NewSendGateServiceClient(connection)
	switch path {
	case pb.SendGateService_CheckSend_FullMethodName:
		return reading(gate.CheckSend)
	case pb.SendGateService_BatchCheckSend_FullMethodName:
		return reading(gate.BatchCheckSend)
	case pb.SendGateService_ScreenContacts_FullMethodName:
		return reading(gate.ScreenContacts)
	case pb.SendGateService_RecordEvent_FullMethodName:
		return reading(gate.RecordEvent)
	case pb.SendGateService_BatchRecordEvents_FullMethodName:
		return reading(gate.BatchRecordEvents)
	case pb.ContactService_GetContact_FullMethodName:
		return reading(pb.NewContactServiceClient(connection).GetContact)
	case health.Health_Check_FullMethodName:
		return reading(health.NewHealthClient(connection).Check)
	}
	return func(ctx context.Context, _ []byte, options ...grpc.CallOption) (proto.Message, error) {
		response := new(emptypb.Empty)
		return response, connection.Invoke(ctx, path, new(emptypb.Empty), response, options...)
	}
}

func watch(
	connection *grpc.ClientConn, ctx context.Context, text []byte, options ...grpc.CallOption,
) (grpc.ServerStreamingClient[health.HealthCheckResponse], error) {
	request := new(health.HealthCheckRequest)
	read(text, request)
	return health.NewHealthClient(connection).Watch(ctx, request, options...)
}
