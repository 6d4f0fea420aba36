// SPDX-License-Identifier: MIT
// `wcf service`: answers the calls of IEcho on WCF's own binary encoder, without security or behind
// .NET's NegotiateStream. (WCF's packages have no service side.)
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Principal;
using System.ServiceModel.Channels;
using System.Xml;

namespace Nns.Interop.Wcf;

internal static class EchoService
{
    // WCF's client has receive buffers of 8 KiB. Where the loopback's segments are larger than its
    // window, each 16 KiB wait 200 ms for a timer.
    private const int ProtocolTcp = 6, TcpMaxSegment = 2, Segment = 8000;

    public static async Task<int> RunAsync(Options options)
    {
        using var listener = new TcpListener(IPAddress.Loopback, options.Port);
        listener.Server.SetRawSocketOption(ProtocolTcp, TcpMaxSegment, BitConverter.GetBytes(Segment));
        listener.Start();
        Events.Print(new { @event = "listening", port = ((IPEndPoint)listener.LocalEndpoint).Port });
        for (int connections = 1; ; connections++)
        {
            int connection = connections;
            TcpClient client = await listener.AcceptTcpClientAsync();
            _ = Task.Run(() => ServeAsync(client, options, connection));
        }
    }

    private static async Task ServeAsync(TcpClient client, Options options, int connection)
    {
        using TcpClient _ = client;
        client.NoDelay = true;
        try
        {
            while (await Session.RunAsync(client.GetStream(), options, connection))
                continue; // a client may begin again on the same connection
        }
        catch (Exception failure)
        {
            Events.Print(new { @event = "failed", connection, exception = Events.Describe(failure) });
        }
    }

    /// <summary>One preamble and what follows it up to End.</summary>
    private sealed class Session(Options options, int connection)
    {
        private const int Most = 1 << 30;
        private const byte ModeDuplex = 2, EncodingSession = 8;

        private static readonly BufferManager Buffers = BufferManager.CreateBufferManager(1 << 24, Most);

        private byte _mode, _encoding;
        private string _via = "";

        /// <summary>False: the connection ended instead of a preamble.</summary>
        public static async Task<bool> RunAsync(Stream connected, Options options, int connection)
        {
            var session = new Session(options, connection);
            var framing = new Framing(connected);
            if (await session.PreambleAsync(framing) is not Framing upgraded)
                return false;
            await session.EnvelopesAsync(new Framing(upgraded.Output, new BufferedStream(upgraded.Output, 1 << 16)));
            await upgraded.WriteAsync(Record.End);
            return true;
        }

        private async Task<Framing?> PreambleAsync(Framing framing)
        {
            bool upgraded = false;
            while (await framing.NextAsync() is Record record)
            {
                switch (record)
                {
                    case Record.Version: _ = (await framing.ByteAsync(), await framing.ByteAsync()); break;
                    case Record.Mode: _mode = await framing.ByteAsync(); break;
                    case Record.Via: _via = await framing.TextAsync(); break;
                    case Record.KnownEncoding: _encoding = await framing.ByteAsync(); break;
                    case Record.UpgradeRequest:
                        string name = await framing.TextAsync();
                        if (!options.Secure || options.Refuse is not null)
                        {
                            await framing.FaultAsync(options.Refuse ?? "UpgradeInvalid");
                            return null;
                        }
                        await framing.WriteAsync(Record.UpgradeResponse);
                        framing = await AuthenticateAsync(framing.Output, name);
                        upgraded = true;
                        break;
                    case Record.PreambleEnd:
                        return await AcceptAsync(framing, upgraded) ? framing : null;
                    default:
                        throw new InvalidDataException($"{record} in the preamble");
                }
            }
            return null;
        }

        private async Task<bool> AcceptAsync(Framing framing, bool upgraded)
        {
            string? fault = new Uri(_via).AbsolutePath != options.Path ? "EndpointNotFound"
                : upgraded != options.Secure ? "UpgradeInvalid" : null;
            Events.Print(new { @event = "preamble", connection, via = _via, mode = _mode, encoding = _encoding, fault });
            if (fault is not null)
                await framing.FaultAsync(fault);
            else
                await framing.WriteAsync(Record.PreambleAck);
            return fault is null;
        }

        private async Task<Framing> AuthenticateAsync(Stream stream, string upgrade)
        {
            var secure = new NegotiateStream(stream, leaveInnerStreamOpen: true);
            await secure.AuthenticateAsServerAsync(
                CredentialCache.DefaultNetworkCredentials, options.Level, TokenImpersonationLevel.Identification);
            Events.Print(new
            {
                @event = "authenticated",
                connection,
                upgrade,
                name = secure.RemoteIdentity.Name,
                type = secure.RemoteIdentity.AuthenticationType,
                isEncrypted = secure.IsEncrypted,
                isSigned = secure.IsSigned,
            });
            return new Framing(secure);
        }

        private async Task EnvelopesAsync(Framing framing)
        {
            MessageEncoderFactory factory = Encoding().CreateMessageEncoderFactory();
            MessageEncoder encoder = _encoding == EncodingSession ? factory.CreateSessionEncoder() : factory.Encoder;
            while (await framing.NextAsync() is Record record && record != Record.End)
            {
                if (record == Record.SizedEnvelope && _mode == ModeDuplex)
                    await BufferedAsync(framing, encoder);
                else if (record == Record.UnsizedEnvelope && _mode != ModeDuplex)
                    await StreamedAsync(framing, encoder);
                else
                    throw new InvalidDataException($"{record} instead of an envelope");
            }
        }

        private static async Task BufferedAsync(Framing framing, MessageEncoder encoder)
        {
            int size = await framing.SizeAsync();
            byte[] buffer = Buffers.TakeBuffer(size); // goes back with the message
            await framing.Input.ReadExactlyAsync(buffer, 0, size);
            using Message request = encoder.ReadMessage(new ArraySegment<byte>(buffer, 0, size), Buffers, encoder.ContentType);
            using Message reply = Answer(request);
            ArraySegment<byte> envelope = encoder.WriteMessage(reply, Most, Buffers, Framing.HeaderMost);
            await framing.EnvelopeAsync(envelope);
            Buffers.ReturnBuffer(envelope.Array!);
        }

        private static async Task StreamedAsync(Framing framing, MessageEncoder encoder)
        {
            using (var received = new Chunks(framing))
            {
                using Message request = await encoder.ReadMessageAsync(received, 1 << 16, encoder.ContentType);
                using Message reply = Answer(request);
                while (received.ReadByte() >= 0)
                    continue;
                await framing.WriteAsync(Record.UnsizedEnvelope);
                await using var sent = new BufferedStream(new Chunks(framing), 1 << 16);
                await encoder.WriteMessageAsync(reply, sent);
            }
            await framing.Output.WriteAsync(new byte[] { 0 });
        }

        private static BinaryMessageEncodingBindingElement Encoding() => new()
        {
            ReaderQuotas = XmlDictionaryReaderQuotas.Max,
        };
    }

    /// <summary>What was sent, as the result of the operation that was called.</summary>
    private static Message Answer(Message request)
    {
        using XmlDictionaryReader body = request.GetReaderAtBodyContents();
        string operation = body.LocalName;
        body.ReadStartElement();
        object value = operation == "Say" ? body.ReadElementContentAsString() : body.ReadElementContentAsBase64();
        Message reply = Message.CreateMessage(
            request.Version, request.Headers.Action + "Response", new Result(operation, value));
        reply.Headers.RelatesTo = request.Headers.MessageId;
        return reply;
    }

    private sealed class Result(string operation, object value) : BodyWriter(isBuffered: true)
    {
        protected override void OnWriteBodyContents(XmlDictionaryWriter writer)
        {
            writer.WriteStartElement(operation + "Response", "http://tempuri.org/");
            writer.WriteStartElement(operation + "Result", "http://tempuri.org/");
            if (value is byte[] bytes)
                writer.WriteBase64(bytes, 0, bytes.Length);
            else
                writer.WriteString((string)value);
            writer.WriteEndElement();
            writer.WriteEndElement();
        }
    }
}
