// SPDX-License-Identifier: MIT
// One connection of either role: authenticate, do what the mode says, report every step as an event.
using System.Net.Security;
using System.Net.Sockets;

namespace Nns.Interop;

internal sealed class Session
{
    private readonly int _connection;
    private readonly PeerOptions _options;
    private readonly Socket _socket;
    private readonly NegotiateStream _stream;

    private Session(int connection, TcpClient client, PeerOptions options)
    {
        _connection = connection;
        _options = options;
        _socket = client.Client;
        _stream = new NegotiateStream(client.GetStream());
    }

    /// <summary>True when the connection ended as its mode expects.</summary>
    public static async Task<bool> RunAsync(
        int connection, TcpClient client, PeerOptions options, Func<NegotiateStream, Task> authenticate)
    {
        client.NoDelay = options.NoDelay;
        var session = new Session(connection, client, options);
        await using NegotiateStream stream = session._stream;
        return await session.TryAsync("authenticate", () => authenticate(stream))
            && await session.TryAsync("data", session.TransferAsync);
    }

    private async Task<bool> TryAsync(string phase, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception failure)
        {
            Events.Print(new { @event = "failed", connection = _connection, phase, exception = Events.Describe(failure) });
            return false;
        }
        if (phase == "authenticate")
            PrintAuthenticated();
        else
            Events.Print(new { @event = "done", connection = _connection });
        return true;
    }

    private void PrintAuthenticated() => Events.Print(new
    {
        @event = "authenticated",
        connection = _connection,
        name = _stream.RemoteIdentity.Name,
        type = _stream.RemoteIdentity.AuthenticationType,
        isEncrypted = _stream.IsEncrypted,
        isSigned = _stream.IsSigned,
        isMutual = _stream.IsMutuallyAuthenticated,
        impersonation = _stream.ImpersonationLevel.ToString(),
    });

    private Task TransferAsync() => _options.Mode switch
    {
        Mode.Echo => Transfer.EchoAsync(_stream, HalfClose, Report),
        Mode.Send => Transfer.SendAsync(_stream, _options.Bytes, _options.WriteSize, HalfClose, Report),
        Mode.Duplex => Transfer.DuplexAsync(_stream, _options.Bytes, _options.WriteSize, HalfClose, Report),
        Mode.Digest => Transfer.DigestAsync(_stream, HalfClose, Report),
        _ => throw new InvalidOperationException(),
    };

    /// <summary>NegotiateStream has no close message: the end of one direction is the end of TCP's.</summary>
    private void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    private void Report(string what, Digest digest) => Events.Print(new
    {
        @event = what,
        connection = _connection,
        bytes = digest.Length,
        sha256 = digest.ToHex(),
    });
}
