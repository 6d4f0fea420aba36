// SPDX-License-Identifier: MIT
// A channel binding of chosen bytes, in the form that .NET has from TLS: a SEC_CHANNEL_BINDINGS
// structure of eight integers, followed by the application data.
using System.Runtime.InteropServices;
using System.Security.Authentication.ExtendedProtection;
using System.Text;

namespace Nns.Interop;

internal sealed class Binding : ChannelBinding
{
    private const int Header = 32;
    private readonly int _size;

    public Binding(string text) : base(ownsHandle: true)
    {
        byte[] data = Encoding.ASCII.GetBytes(text);
        _size = Header + data.Length;
        SetHandle(Marshal.AllocHGlobal(_size));
        Marshal.Copy(new byte[Header], 0, handle, Header);
        Marshal.WriteInt32(handle, 24, data.Length);
        Marshal.WriteInt32(handle, 28, Header);
        Marshal.Copy(data, 0, handle + Header, data.Length);
    }

    public override int Size => _size;

    protected override bool ReleaseHandle()
    {
        Marshal.FreeHGlobal(handle);
        return true;
    }
}
