// SPDX-License-Identifier: MIT
// `wcf client`: NetTcpBinding as it comes, and what its user sees.
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.ServiceModel;
using System.ServiceModel.Channels;

namespace Nns.Interop.Wcf;

[ServiceContract]
internal interface IEcho
{
    [OperationContract]
    Task<byte[]> EchoAsync(byte[] data);

    [OperationContract]
    Task<Stream> EchoStreamAsync(Stream data);

    [OperationContract]
    Task<string> SayAsync(string text);
}

internal static class EchoClient
{
    private const long Most = 1 << 30;

    public static async Task<int> RunAsync(Options options)
    {
        var factory = new ChannelFactory<IEcho>(
            Binding(options), new EndpointAddress(new Uri(options.Uri), new SpnEndpointIdentity(options.Spn)));
        if (options.User is not null)
            factory.Credentials.Windows.ClientCredential = new NetworkCredential(options.User, options.Password, options.Domain);
        try
        {
            await MeasureAsync(factory, options);
        }
        catch (Exception failure)
        {
            Events.Print(new { @event = "failed", exception = Events.Describe(failure) });
            factory.Abort();
            return 1;
        }
        factory.Close();
        return 0;
    }

    private static Binding Binding(Options options)
    {
        var binding = new NetTcpBinding(options.Secure ? SecurityMode.Transport : SecurityMode.None)
        {
            TransferMode = options.Streamed ? TransferMode.Streamed : TransferMode.Buffered,
            MaxReceivedMessageSize = Most,
            SendTimeout = TimeSpan.FromSeconds(50),
            OpenTimeout = TimeSpan.FromSeconds(50),
        };
        if (!options.Streamed)
            binding.MaxBufferSize = (int)Most;
        binding.ReaderQuotas.MaxArrayLength = (int)Most;
        binding.Security.Transport.ClientCredentialType = TcpClientCredentialType.Windows;
        binding.Security.Transport.ProtectionLevel = options.Level;
        if (options.SocketBuffer is not int size)
            return binding;
        var custom = new CustomBinding(binding);
        custom.Elements.Find<TcpTransportBindingElement>().ConnectionBufferSize = size;
        return custom;
    }

    /// <summary>All clients have an open channel before the clock starts.</summary>
    private static async Task MeasureAsync(ChannelFactory<IEcho> factory, Options options)
    {
        byte[] data = RandomNumberGenerator.GetBytes(options.Bytes);
        for (int i = 0; i < options.Channels; i++)
        {
            IEcho[] channels = [.. Enumerable.Range(0, options.Clients).Select(_ => factory.CreateChannel())];
            await Task.WhenAll(channels.Select(channel => CallAsync(channel, options, data, 1)));
            var watch = Stopwatch.StartNew();
            await Task.WhenAll(channels.Select(channel => CallAsync(channel, options, data, options.Calls - 1)));
            double seconds = Math.Max(watch.Elapsed.TotalSeconds, 1e-9);
            long timed = (long)options.Clients * (options.Calls - 1);
            Events.Print(new
            {
                @event = "called",
                calls = timed + options.Clients,
                bytes = options.Text is null ? options.Bytes : options.Text.Length,
                seconds,
                callsPerSecond = timed / seconds,
                megabytesPerSecond = timed * options.Bytes / seconds / 1e6, // each way
            });
            await Task.WhenAll(channels.Select(channel => Task.Run(((IClientChannel)channel).Close)));
        }
    }

    private static async Task CallAsync(IEcho channel, Options options, byte[] data, int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            if (options.Text is not null)
                Require(await channel.SayAsync(options.Text) == options.Text);
            else if (options.Streamed)
                Require(Same(data, await ReadAllAsync(await channel.EchoStreamAsync(new MemoryStream(data)))));
            else
                Require(Same(data, await channel.EchoAsync(data)));
        }
    }

    private static async Task<byte[]> ReadAllAsync(Stream stream)
    {
        using var copy = new MemoryStream();
        await using (stream)
            await stream.CopyToAsync(copy);
        return copy.ToArray();
    }

    private static bool Same(byte[] sent, byte[] received) => sent.AsSpan().SequenceEqual(received);

    private static void Require(bool same)
    {
        if (!same)
            throw new InvalidDataException("the answer is not what was sent");
    }
}
