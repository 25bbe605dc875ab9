; A kernel that says what it was given: its command line, its initial RAM disk, and a
; file of the firmware configuration.
;
;   nasm -f bin -o kernel kernel.asm
;   qemu-system-x86_64 -display none -serial stdio -device isa-debug-exit,iobase=0xf4 -kernel kernel -append words -initrd file
;
; QEMU starts it by the Multiboot specification, in protected mode and without paging.
; It writes to the first serial port
;
;   kernel words WORDS
;   kernel module THE FIRST LINE OF THE INITIAL RAM DISK
;   kernel fw_cfg THE FIRST LINE OF THE FILE opt/virt-privileges
;   virt-privileges: a kernel runs
;
; without the lines for what is not there, and leaves by isa-debug-exit with QEMU's
; exit status 33. `nasm -DWAIT=1`: when a character has been typed on that port.

%ifndef WAIT
%define WAIT 0
%endif

COM1 equ 0x3f8
STATUS equ COM1 + 5             ; bit 0: a character is there, 5: ready for one, 6: all of them sent
DEBUG_EXIT equ 0xf4
WRITTEN equ 0x10
FW_CFG equ 0x510                ; its selector; the data follow on the next port
FW_CFG_DIR equ 0x19
HAS_WORDS equ 4                 ; of the flags that the Multiboot specification gives
HAS_MODULES equ 8
MAGIC equ 0x1badb002
FLAGS equ 0x10000               ; the addresses stand here, not in an ELF header
BASE equ 0x100000

bits 32
org BASE

header: dd MAGIC, FLAGS, -(MAGIC + FLAGS)
        dd header, BASE, end, stack, start

start:
        mov esp, stack
        cld
        test dword [ebx], HAS_WORDS
        jz .module
        mov esi, words
        call say
        mov esi, [ebx + 16]
        call say
        call line
.module:
        test dword [ebx], HAS_MODULES
        jz .configuration
        cmp dword [ebx + 20], 0
        je .configuration
        mov esi, module
        call say
        mov ecx, [ebx + 24]
        mov esi, [ecx]
        call say
        call line
.configuration:
        mov ax, FW_CFG_DIR
        call select
        call dword_of
        mov ecx, eax            ; so many files
.file:
        jecxz .said
        dec ecx
        call dword_of           ; size
        mov ebp, eax
        call dword_of           ; selector and two unused bytes
        mov edx, eax
        mov edi, name
        push ecx
        mov ecx, 56
.name:
        call byte_of
        stosb
        loop .name
        mov esi, name
        mov edi, wanted
        mov ecx, wanted.end - wanted
        repe cmpsb
        pop ecx
        jne .file
        mov eax, edx
        shr eax, 16
        call select
        mov ecx, ebp
        mov edi, content
.content:
        jecxz .read
        dec ecx
        call byte_of
        stosb
        jmp .content
.read:
        mov byte [edi], 0
        mov esi, configuration
        call say
        mov esi, content
        call say
        call line
.said:
        mov esi, runs
        call say
        call line
        mov ah, 0x40
        call await
%if WAIT
        mov ah, 0x01
        call await
%endif
        mov al, WRITTEN
        out DEBUG_EXIT, al
.halt:
        cli
        hlt
        jmp .halt

select:
        mov dx, FW_CFG
        out dx, ax
        ret
; The next byte of what was selected, and the next four, which are big endian.
byte_of:
        push edx
        mov dx, FW_CFG + 1
        in al, dx
        pop edx
        ret
dword_of:
        push ecx
        push ebx
        mov ecx, 4
.next:
        shl ebx, 8
        call byte_of
        mov bl, al
        loop .next
        mov eax, ebx
        pop ebx
        pop ecx
        ret

; Ends a line.
line:
        mov al, 13
        call put
        mov al, 10
; Says al.
put:
        push eax
        mov ah, 0x20
        call await
        pop eax
        mov dx, COM1
        out dx, al
return:
        ret
; Says what is at esi up to its first line feed or zero.
say:
        lodsb
        test al, al
        jz return
        cmp al, 10
        je return
        call put
        jmp say

; Waits until one of the bits in ah is set in the serial port's status.
await:
        mov dx, STATUS
.again:
        in al, dx
        test al, ah
        jz .again
        ret

words:  db "kernel words ", 0
module: db "kernel module ", 0
configuration:
        db "kernel fw_cfg ", 0
runs:   db "virt-privileges: a kernel runs", 0
wanted: db "opt/virt-privileges", 0
.end:

end:                            ; of what the file holds
name    equ end
content equ end + 64
stack   equ end + 0x10000
