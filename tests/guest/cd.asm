; A CD-ROM that starts the guest of disk.asm, which then writes to the hard disks.
;
;   nasm -f bin -o disk.img disk.asm && nasm -f bin -DGUEST='"disk.img"' -o cd.iso cd.asm
;   qemu-system-x86_64 -display none -serial stdio -device isa-debug-exit,iobase=0xf4 -cdrom cd.iso -boot d -hda some.img
;
; It has what the El Torito specification makes a BIOS read, and no file system.

SECTOR equ 2048

%macro sector 1
        times %1 * SECTOR - ($ - $$) db 0
%endmacro

        sector 17               ; the boot record
        db 0, "CD001", 1, "EL TORITO SPECIFICATION"
        times 17 * SECTOR + 0x47 - ($ - $$) db 0
        dd 19                   ; where the catalogue stands

        sector 18               ; the end of the volume's descriptors
        db 255, "CD001", 1

        sector 19               ; the catalogue
        db 1, 0, 0, 0           ; validation, for 80x86
        times 24 db 0
        dw 0x55aa, 0xaa55       ; a sum that makes all words zero: 0x0001 + 0x55aa + 0xaa55 = 0
        db 0x88, 0              ; bootable, no emulation
        dw 0                    ; loaded to 07c0:0000
        db 0, 0
        dw 1                    ; sectors of 512 bytes
        dd 20

        sector 20
        incbin GUEST, 0, 512
        sector 32
