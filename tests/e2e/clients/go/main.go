// A client on grpc-go; see ../README.md for what it is told and what it prints.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // lets details be written as JSON
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type channel struct {
	Target           string
	Name             string
	Gzip             bool
	ServiceConfig    string  `json:"service_config"`
	KeepaliveS       float64 `json:"keepalive_s"`
	KeepaliveTimeout float64 `json:"keepalive_timeout_s"`
}

type order struct {
	ID       int
	Do       string
	Of       int
	Channel  channel
	Method   string
	Request  json.RawMessage
	TimeoutS float64 `json:"timeout_s"`
	Metadata [][2]string
}

type client struct {
	connections map[channel]*grpc.ClientConn
	stops       map[int]context.CancelFunc
	out         sync.Mutex
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

func (c *client) connect(wanted channel) *grpc.ClientConn {
	if known, ok := c.connections[wanted]; ok {
		return known
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if wanted.ServiceConfig != "" {
		options = append(options, grpc.WithDefaultServiceConfig(wanted.ServiceConfig))
	}
	if wanted.KeepaliveS > 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: seconds(wanted.KeepaliveS), Timeout: seconds(wanted.KeepaliveTimeout), PermitWithoutStream: true,
		}))
	}
	connection, err := grpc.NewClient(wanted.Target, options...)
	if err != nil {
		log.Fatal(err)
	}
	c.connections[wanted] = connection
	return connection
}

// take begins to carry out an order, in a goroutine of its own.
func (c *client) take(o order) {
	if o.Do == "stop" {
		c.stops[o.Of]()
		return
	}
	connection := c.connect(o.Channel)
	stopped, stop := context.WithCancel(context.Background())
	c.stops[o.ID] = stop
	switch o.Do {
	case "call":
		go c.call(o, connection, stopped)
	case "watch":
		go c.watch(o, connection, stopped)
	case "loop":
		go c.loop(o, connection, stopped)
	}
}

func (o order) context(parent context.Context) (context.Context, context.CancelFunc) {
	for _, entry := range o.Metadata {
		name, value := entry[0], entry[1]
		if strings.HasSuffix(name, "-bin") {
			raw, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				log.Fatal(err)
			}
			value = string(raw)
		}
		parent = metadata.AppendToOutgoingContext(parent, name, value)
	}
	return context.WithTimeout(parent, seconds(o.TimeoutS))
}

func (o order) options() []grpc.CallOption {
	options := []grpc.CallOption{grpc.WaitForReady(true)}
	if o.Channel.Gzip {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	return options
}

func (c *client) once(o order, connection *grpc.ClientConn, parent context.Context) (proto.Message, error) {
	ctx, done := o.context(parent)
	defer done()
	return method(connection, o.Method)(ctx, o.Request, o.options()...)
}

func (c *client) call(o order, connection *grpc.ClientConn, stopped context.Context) {
	response, err := c.once(o, connection, stopped)
	if err == nil {
		c.tellResponse(o, response)
	}
	c.tellEnd(o, err, 1)
}

func (c *client) watch(o order, connection *grpc.ClientConn, stopped context.Context) {
	ctx, done := o.context(stopped)
	defer done()
	stream, err := watch(connection, ctx, o.Request, o.options()...)
	for err == nil {
		var response proto.Message
		if response, err = stream.Recv(); err == nil {
			c.tellResponse(o, response)
		}
	}
	if err == io.EOF {
		err = nil
	}
	c.tellEnd(o, err, 1)
}

func (c *client) loop(o order, connection *grpc.ClientConn, stopped context.Context) {
	calls, last := 0, false
	for !last {
		select {
		case <-stopped.Done():
			last = true
		case <-time.After(5 * time.Millisecond):
		}
		response, err := c.once(o, connection, context.Background())
		if err != nil {
			c.tellEnd(o, err, calls)
			return
		}
		if calls++; calls == 1 {
			c.tellResponse(o, response)
		}
	}
	c.tellEnd(o, nil, calls)
}

func (c *client) tell(answer map[string]any) {
	line, err := json.Marshal(answer)
	if err != nil {
		log.Fatal(err)
	}
	c.out.Lock()
	defer c.out.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func written(message proto.Message) json.RawMessage {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func (c *client) tellResponse(o order, response proto.Message) {
	c.tell(map[string]any{"id": o.ID, "response": written(response)})
}

func (c *client) tellEnd(o order, err error, calls int) {
	end := status.Convert(err)
	answer := map[string]any{"id": o.ID, "code": name(end.Code()), "message": end.Message(), "calls": calls}
	if len(end.Details()) > 0 {
		answer["status"] = written(end.Proto())
	}
	c.tell(answer)
}

// name spells a code as the gRPC specification does.
func name(code codes.Code) string {
	var spelled strings.Builder
	for place, letter := range code.String() {
		if place > 0 && letter >= 'A' && letter <= 'Z' && code != codes.OK {
			spelled.WriteByte('_')
		}
		spelled.WriteRune(letter)
	}
	return strings.ReplaceAll(strings.ToUpper(spelled.String()), "CANCELED", "CANCELLED")
}

func main() {
	c := client{connections: map[channel]*grpc.ClientConn{}, stops: map[int]context.CancelFunc{}}
	lines := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var o order
		if err := lines.Decode(&o); err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		c.take(o)
	}
	for _, connection := range c.connections {
		connection.Close()
	}
}
